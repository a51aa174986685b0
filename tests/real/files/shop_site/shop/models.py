from django.db import models


class Item(models.Model):
    name = models.CharField(max_length=40, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)


class Order(models.Model):
    items = models.ManyToManyField(Item)
    placed = models.DateTimeField(auto_now_add=True)
